"""The site's own certificate authorities, what they issue, and what is looked at in a certificate of anybody."""
