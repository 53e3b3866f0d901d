"""The Lambda function behind the queue of S3 events: it keeps the store what the bucket is."""
