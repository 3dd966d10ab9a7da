"""Self-contained HTML pages: plain data and figures in, text out."""

from xsift.report.catalogue import catalogue_page
from xsift.report.comparison import comparison_page
from xsift.report.evaluation import evaluation_page

__all__ = ["catalogue_page", "comparison_page", "evaluation_page"]
