"""From a photo's bytes to embedded faces: decode, detect, crop, embed."""
