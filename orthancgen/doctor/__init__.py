"""What is wrong with a running environment: questions in order, causes and not symptoms, remedies for this site."""
