"Sphinx's settings for the site; scripts/docs.py writes the source folder that they apply to"
project = html_title = 'seqrep_nb'
author = 'The seqrep_nb authors'
extensions = ['myst_nb', 'sphinx.ext.mathjax', 'sphinx_copybutton']
exclude_patterns = ['**.json']
nb_execution_mode = 'off'
nb_render_markdown_format = 'myst'
myst_enable_extensions = ['dollarmath', 'amsmath', 'colon_fence', 'fieldlist']
myst_heading_anchors = 4
# Headings may skip a level
suppress_warnings = ['myst.header']
toc_object_entries_show_parents = 'hide'
add_module_names = False
# Quotes stay as they are written, since they stand around values; a double hyphen is Sphinx's own, before the meaning of a parameter
smartquotes_action = 'D'

html_theme = 'sphinx_book_theme'
html_context = {'default_mode': 'auto'}
html_theme_options = dict(navbar_start=[], navbar_center=[], navbar_end=[], navbar_persistent=[],
                          use_download_button=False, show_toc_level=2, search_bar_text='Search the book',
                          pygments_light_style='a11y-high-contrast-light', pygments_dark_style='a11y-high-contrast-dark')
html_static_path = ['static', 'vendor']
html_css_files, html_js_files = ['site.css'], ['site.js']
html_copy_source = html_show_sourcelink = html_show_sphinx = html_show_copyright = False
# No request leaves the folder
mathjax_path = 'mathjax.js'
# Code is copied, not what it printed
copybutton_selector = 'div:not(.output) > div.highlight pre'
# Of an example its statements alone
copybutton_prompt_text, copybutton_prompt_is_regexp = r'>>> |\.\.\. ', True
