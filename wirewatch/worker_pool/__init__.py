"""Worker processes for stages whose work is too slow, or too dangerous, for the process that holds the Kafka client.

``pool`` is the parent's side, ``member`` the child's, ``wire`` what they say to each other.
"""
