"""Migrations: how a database gets from one schema to the next, as Alembic revisions in `versions/`.

`usecases/operation/migrate.py` runs them; nothing else does. Revisions are additive within a release and never import
the tables of today: what a revision did stays what it did.
"""
