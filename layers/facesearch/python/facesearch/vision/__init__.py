"""Turn a photo's bytes into embedded faces: decode, detect, crop, embed."""
