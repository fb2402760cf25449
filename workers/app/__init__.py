"""The composition root: settings become parts, parts become roles. The one place where adapters are chosen.

Everything that is wrong with settings, tables, templates and schemas is found here together, before anything starts.
"""

from workers.app.boucle import Boucle, start, start_for_verb
from workers.app.settings_values import kafka_of, patience_of, returned_mail, sending_of, topic_names

__all__ = ["Boucle", "kafka_of", "patience_of", "returned_mail", "sending_of", "start", "start_for_verb", "topic_names"]
