# Prints Orthanc's identity of every instance of the index in /index.
sqlite3 -readonly /index/index 'SELECT publicId FROM Resources WHERE resourceType = 4;'
