"A hub on this machine that speaks as much of the Hugging Face hub's API as a download needs"
import hashlib, json, re, threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMITS = dict(main='a' * 40, older='b' * 40)


@contextmanager
def fake_hub(repos, fault=None):
    "Serve `repos` (name → commit → file → bytes). `fault`: what goes wrong, as (part of the path, 'hang' or a status). Yields its address and the list of (method, path) that were asked for."
    asked, over = [], threading.Event()

    class Hub(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def log_message(self, *_): pass

        def answer(self, status, body=b'', **headers):
            self.send_response(status)
            for key, value in dict(headers, Connection='close', **{'Content-Length': str(len(body))}).items(): self.send_header(key.replace('_', '-'), value)
            self.end_headers()
            if self.command == 'GET': self.wfile.write(body)

        def do_GET(self):
            asked.append((self.command, self.path))
            if fault and fault[0] in self.path:
                if fault[1] == 'hang': return over.wait(60)
                return self.answer(fault[1], b'{"error": "broken"}')
            found = re.fullmatch(r'/api/models/([\w-]+/[\w-]+)(?:/(revision|tree)/([^?]+))?(?:\?.*)?|/([\w-]+/[\w-]+)/resolve/([^/]+)/(.+)', self.path)
            name, revision = found[1] or found[4], found[3] or found[5] or 'main'
            if name not in repos: return self.answer(404, X_Error_Code='RepoNotFound', X_Error_Message='Repository not found')
            commit = COMMITS.get(revision, revision)
            if commit not in repos[name]: return self.answer(404, X_Error_Code='RevisionNotFound', X_Error_Message='Invalid rev id')
            files = repos[name][commit]
            if found[4]:
                if found[6] not in files: return self.answer(404, X_Error_Code='EntryNotFound')
                return self.answer(200, files[found[6]], X_Repo_Commit=commit, ETag=f'"{hashlib.sha1(files[found[6]]).hexdigest()}"')
            if found[2] == 'tree': body = [dict(type='file', path=f, size=len(data), oid=hashlib.sha1(data).hexdigest()) for f, data in files.items()]
            else: body = dict(id=name, modelId=name, sha=commit, siblings=[dict(rfilename=f) for f in files], private=False, tags=[], downloads=0)
            return self.answer(200, json.dumps(body).encode(), Content_Type='application/json')

        do_HEAD = do_GET

    server = ThreadingHTTPServer(('127.0.0.1', 0), Hub)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try: yield f'http://127.0.0.1:{server.server_port}', asked
    finally:
        over.set()
        server.shutdown()
        server.server_close()
