"""What a reader sees of a result: figures, the numbers behind them, tested statements, pages."""

from xsift.report.catalogue import catalogue_page
from xsift.report.comparison import comparison_page
from xsift.report.evaluation import evaluation_page

__all__ = ["catalogue_page", "comparison_page", "evaluation_page"]
