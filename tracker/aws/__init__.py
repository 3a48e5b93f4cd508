"""What prepares an AWS account, deploys to it, goes back, and cleans up."""
