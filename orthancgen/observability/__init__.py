"""What watches a running site: measurements for Prometheus, timers, and what is handed to those who collect."""
