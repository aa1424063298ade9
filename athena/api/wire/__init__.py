"""How things look in JSON: the shapes that outside clients are written against, one noun a file.

A shape is a TypedDict: mypy holds the functions to it, and the OpenAPI document is made from it.
Source: specification, section 4.
"""
