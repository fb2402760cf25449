"""The outside world: mail servers, webhooks, Kafka, DNS, folders, the clock."""
