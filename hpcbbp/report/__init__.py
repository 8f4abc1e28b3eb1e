"""The page of a campaign: tables, pictures, what failed."""
