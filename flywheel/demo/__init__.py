"""The sample application: a customer-360 question router."""
