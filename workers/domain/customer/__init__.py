"""Who a customer is: what the CRM says, one person under two ids, forgetting."""
