"""The Lambda function that follows S3's events: it keeps the store up to date with the bucket."""
