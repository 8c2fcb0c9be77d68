"""The HTTP service: the published Optimize and Models API over a bundle, and browsing of runs (extra ``[service]``)."""
