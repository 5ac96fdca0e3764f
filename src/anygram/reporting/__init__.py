"""What people look at: progress, tables, charts. Given numbers, knows no model."""
