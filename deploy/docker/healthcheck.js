// Docker's question to a container: does the coordinator in it live? Ends with an error where nobody answers.
const { ok, status } = await fetch(`http://127.0.0.1:${process.env.TUTTI_PORT || 7070}/livez`);
if (!ok) throw new Error(`/livez answers ${status}`);
