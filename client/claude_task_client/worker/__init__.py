"""The worker: tasks done unattended, checked, committed, and answered for."""
