// The page behind the link of a trial: whoever opens it over the new network confirms the change.
import { device } from "../api/client";
import { Action, Trouble } from "../parts/form";
import { Heading } from "../parts/frame";
import { Notice } from "../parts/notice";
import { useAsk } from "../parts/use-ask";
import { useOnce } from "../parts/use-once";
import { useWords } from "../text/language";

export function ConfirmTrial({ id, onDone }: { id: string; onDone: () => void }) {
  const words = useWords();
  const asking = useAsk();
  const { ask } = asking;
  useOnce(() => void ask(() => device.confirmNetwork(id)));
  const failed = asking.problem !== undefined;
  return (
    <section className="card">
      <Heading>{words.network.confirmTitle}</Heading>
      <div role="status">
        {asking.busy ? <p>{words.common.busy}</p> : !failed && <Notice kind="good">{words.network.confirmGood}</Notice>}
      </div>
      <Trouble asking={asking} />
      <div className="buttons">
        <Action className="primary" onClick={onDone}>{words.network.confirmGo}</Action>
        {failed && <Action className="secondary" onClick={() => void ask(() => device.confirmNetwork(id))}>{words.common.retry}</Action>}
      </div>
    </section>
  );
}
