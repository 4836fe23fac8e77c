"""Tools of MCP servers (Model Context Protocol) over streamable HTTP.

A server is somebody else's program: whatever it does costs the call that was made to it, and nothing else. The package
`mcp` is imported when the first server is asked.
"""
