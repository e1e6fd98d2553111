"""Who is measured in ``quality_for_time``: ours and the peers, each a module of its own."""
