"""The pages of the team that every fuzz campaign opens. Holds no test."""

PAGES = (
    *("/", "/inbox", "/tickets", "/customers", "/queue"),
    *("/report", "/report/responses", "/themes", "/tables"),
)
