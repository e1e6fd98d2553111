"""Case and lesion metrics."""
