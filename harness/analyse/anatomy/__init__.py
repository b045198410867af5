"""The anatomy of one cycle: each edge as a bracket [last good, first bad], what is missing, and which sources disagree.

gather      rows of the history -> what was seen of the cycle's pod
told, probes, runtime, api, proxy, clients     what was seen -> sources: brackets, each from one witness alone
sources     the sources of one edge -> the sharpest bracket, and the sources that disagree with it; brackets out of order
dissect     all of it
"""

from harness.analyse.anatomy.agree import agree
from harness.analyse.anatomy.dissect import Anatomy, dissect, endpoint_disputes, good_liveness_probe
from harness.analyse.anatomy.gather import about_no_request, gather

__all__ = ["Anatomy", "about_no_request", "agree", "dissect", "endpoint_disputes", "gather", "good_liveness_probe"]
