"""What prepares an AWS account."""
