"""Channels: one module for each way in which an alert reaches people. CONTRIBUTING.md says how to add one."""
