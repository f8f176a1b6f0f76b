"""What people read: renderings of records, after-action reports, the management-review pack."""
