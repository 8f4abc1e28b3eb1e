"""Records of campaigns to curves, thresholds and laws of finite N."""
