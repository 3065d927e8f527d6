"""What the tests share: real servers, and peers that misbehave on purpose."""
