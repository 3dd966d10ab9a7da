"""The playground: a written catalogue over HTTP, and the page that explores it."""
