"""From series to batches: fingerprint, plan, cache, sampler, augmentation."""
