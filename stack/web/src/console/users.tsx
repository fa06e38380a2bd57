// Users of the console: the list, adding one, removing one. None of them has a right over the device.
import { useCallback, useState } from "react";
import { day } from "../model/format";
import { Choices, PasswordField, TextField } from "../parts/field";
import { Form, Submit, Trouble } from "../parts/form";
import { Heading } from "../parts/frame";
import { Sure } from "../parts/sure";
import { useAsk } from "../parts/use-ask";
import { useOnce } from "../parts/use-once";
import { useSpeech, useWords } from "../text/language";
import { api, type Role, type User } from "./api";

const SHORTEST = 10;

export function UsersPage() {
  const words = useWords();
  const text = words.console;
  const [users, setUsers] = useState<User[]>();
  const [said, setSaid] = useState("");
  const asking = useAsk();
  const { ask } = asking;
  const load = useCallback(async () => setUsers(await api.users()), []);
  useOnce(() => void ask(load));
  const remove = (name: string) => ask(async () => {
    await api.removeUser(name);
    setSaid(text.userRemoved(name));
    await load();
  });
  return (
    <>
      <Heading>{text.pages.users}</Heading>
      <section className="card">
        <p>{text.usersText}</p>
        <Trouble asking={asking} />
        <p className="unseen" role="status">{said}</p>
        {users?.length === 0 && <p className="muted">{text.noUsers}</p>}
        {users !== undefined && users.length > 0 && (
          <ul className="tokens">{users.map((user) => <Row key={user.name} user={user} onRemove={() => void remove(user.name)} />)}</ul>
        )}
      </section>
      <AddUser onAdded={async (name) => {
        setSaid(text.userAdded(name));
        await load();
      }} />
    </>
  );
}

function Row({ user, onRemove }: { user: User; onRemove: () => void }) {
  const { words, language } = useSpeech();
  const text = words.console;
  return (
    <li className="token">
      <div>
        <strong>{user.name}</strong>
        <p className="muted">{text.roles[user.role]}, {words.tokens.created(day(user.created_at, language))}</p>
      </div>
      <Sure label={text.remove} what={text.removeWhat(user.name)} yes={text.removeYes(user.name)} quiet onYes={onRemove} />
    </li>
  );
}

function AddUser({ onAdded }: { onAdded: (name: string) => Promise<void> }) {
  const words = useWords();
  const text = words.console;
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [tried, setTried] = useState(false);
  const asking = useAsk();
  const errors = {
    name: name.trim() === "" ? text.needName : undefined,
    password: password.length < SHORTEST ? text.needPassword : undefined,
  };
  const submit = async () => {
    setTried(true);
    if (errors.name !== undefined || errors.password !== undefined) return;
    const done = await asking.ask(async () => {
      await api.addUser(name.trim(), password, role);
      await onAdded(name.trim());
    });
    if (!done) return;
    setName("");
    setPassword("");
    setTried(false);
  };
  return (
    <section className="card">
      <h2>{text.addUser}</h2>
      <Form onSubmit={submit} label={text.addUser}>
        <TextField label={words.signIn.name} value={name} maxLength={64} autoComplete="off" error={tried ? errors.name : undefined}
          onValue={setName} />
        <PasswordField label={words.common.password} hint={text.passwordHint} value={password} maxLength={256}
          autoComplete="new-password" error={tried ? errors.password : undefined} onValue={setPassword} />
        <Choices label={text.role} value={role} onValue={(value) => setRole(value === "operator" ? "operator" : "viewer")} choices={[
          { value: "viewer", label: text.roles.viewer, text: text.viewerText },
          { value: "operator", label: text.roles.operator, text: text.operatorText },
        ]} />
        <Trouble asking={asking} />
        <div className="buttons"><Submit asking={asking}>{text.addUser}</Submit></div>
      </Form>
    </section>
  );
}
