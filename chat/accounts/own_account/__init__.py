"""What people do with their own account: name, address, sign-ins, API tokens, deletion."""
