# Lays out the empty staging volume: prepare.sh UID GID, the user who writes the records there.
mkdir -p /staging/index /staging/database /staging/manifest
chmod 0711 /staging
chmod 0700 /staging/index /staging/manifest
chown "$1:$2" /staging/database
chmod 0700 /staging/database
