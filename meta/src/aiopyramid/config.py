"""The view mappers, where aiopyramid 0.x had them; new code: ``aiopyramid_core``."""

from aiopyramid_core import CoroutineMapper, CoroutineOrExecutorMapper, ExecutorMapper

__all__ = ("CoroutineMapper", "CoroutineOrExecutorMapper", "ExecutorMapper")
