package diskstore
