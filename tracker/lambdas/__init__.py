"""What the Lambdas run: the API, the consumer of the queue, the counter of the stream."""
