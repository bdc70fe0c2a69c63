-- a body of 300 bytes, as a small JSON request has
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"say":"' .. string.rep("x", 290) .. '"}'
