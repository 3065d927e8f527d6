"""What is looked up for the questions, a module a topic; each thing once a case."""
