// Signing in, and the way to a new password for whoever lost it.
import type { Overview } from "../api/types";
import { Action } from "../parts/form";
import { Frame, Heading } from "../parts/frame";
import { useRoute } from "../parts/use-route";
import { useWords } from "../text/language";
import { LostPassword } from "./lost";
import { PasswordForm } from "./password-form";

export function SignIn({ overview, onSignedIn }: { overview: Overview; onSignedIn: () => void }) {
  const route = useRoute();
  const done = () => {
    route.replace("");
    onSignedIn();
  };
  return (
    <Frame name={overview.name} version={overview.version}>
      <section className="card narrow" key={route.at}>
        {route.at === "lost"
          ? <LostPassword onSignedIn={done} onBack={() => route.back("")} />
          : <SignInForm overview={overview} onSignedIn={done} onLost={() => route.go("lost")} />}
      </section>
    </Frame>
  );
}

interface SignInFormProps {
  overview: Overview;
  onSignedIn: () => void;
  onLost: () => void;
}

function SignInForm({ overview, onSignedIn, onLost }: SignInFormProps) {
  const text = useWords().signIn;
  return (
    <>
      <Heading>{text.title}</Heading>
      <p className="lead">{text.text(overview.name)}</p>
      <PasswordForm onSignedIn={onSignedIn} beside={<Action className="quiet" onClick={onLost}>{text.lost}</Action>} />
    </>
  );
}
