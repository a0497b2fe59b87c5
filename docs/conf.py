"""How Sphinx builds the documentation."""

import sys
from pathlib import Path

from exengine_ome_tiff import __version__

sys.path.insert(0, str(Path(__file__).parent))
from dialect_tables import write_tables

write_tables(Path(__file__).parent / "_generated")

project = "exengine-ome-tiff"
author = "the exengine-ome-tiff authors"
copyright = f"2026, {author}"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "_generated"]
html_theme = "sphinx_rtd_theme"
html_theme_options = {"navigation_depth": 3}
html_static_path = ["_static"]
html_css_files = ["wide.css"]
default_role = "code"  # of `names` in docstrings
autodoc_member_order = "bysource"
autodoc_typehints = "description"
myst_heading_anchors = 3
napoleon_google_docstring = False
