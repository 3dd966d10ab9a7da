"""Self-contained HTML pages: plain data and figures in, text out."""

from xsift.report.evaluation import evaluation_page

__all__ = ["evaluation_page"]
