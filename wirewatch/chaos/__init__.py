"""The kill campaign: real processes and servers, ended and disturbed by a seeded plan (see ``wirewatch chaos``)."""
