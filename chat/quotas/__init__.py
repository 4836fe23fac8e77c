"""How much of the site one user, or one address, may take at once: so that nobody's flood is everybody's."""
