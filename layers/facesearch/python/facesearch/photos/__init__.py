"""Where photos come from (a bucket, a folder), and how they are read."""
