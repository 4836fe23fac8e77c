"""The tools that come with the site, one a file. None of them changes anything."""
