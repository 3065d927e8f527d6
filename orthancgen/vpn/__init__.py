"""The keys of the VPN, and the configuration files that hold them."""
