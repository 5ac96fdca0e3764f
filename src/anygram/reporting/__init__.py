"""What people look at: progress, tables, charts, pages. Given numbers, knows no model."""
