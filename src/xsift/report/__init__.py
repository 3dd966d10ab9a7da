"""What a reader sees of a result: figures, the numbers behind them, tested statements, pages."""

from xsift.report.catalogue_page import catalogue_page
from xsift.report.comparison_page import comparison_page
from xsift.report.evaluation_page import evaluation_page

__all__ = ["catalogue_page", "comparison_page", "evaluation_page"]
