// Step 2, second part: the recovery codes, to print, copy or download. They are asked for once and stay in memory.
import { useEffect, useRef } from "react";
import { device } from "../api/client";
import { Copy } from "../parts/copy";
import { Action, Form, Trouble } from "../parts/form";
import { Heading } from "../parts/frame";
import { useAsk } from "../parts/use-ask";
import { useWords } from "../text/language";
import { Buttons } from "./buttons";
import { useStep } from "./progress";
import type { ScreenProps } from "./setup";

function download(text: string, name: string) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

export function CodesScreen({ setup, dispatch, onNext, onBack }: ScreenProps) {
  const words = useWords();
  const text = words.setup.codes;
  const above = useStep(2);
  const asking = useAsk();
  const { ask } = asking;
  const codes = setup.codes?.codes;
  const asked = useRef(false);
  useEffect(() => {
    if (codes !== undefined || asked.current) return;
    asked.current = true;
    void ask(async () => dispatch({ does: "codes", codes: await device.recoveryCodes() }));
  }, [codes, ask, dispatch]);

  const sheet = () => [
    text.sheet(setup.draft.name), "", ...(codes ?? []).map((code, index) => `${index + 1}. ${code}`), "", text.sheetText, "",
  ].join("\n");
  return (
    <>
      <Heading above={above}>{text.title}</Heading>
      <p className="lead no-print">{text.text}</p>
      <Form onSubmit={() => { if (codes !== undefined) onNext(); }}>
        {codes === undefined ? <p role="status">{asking.busy ? words.common.loading : ""}</p> : (
          <>
            <p className="print-only">{text.sheet(setup.draft.name)}</p>
            <ol className="codes" aria-label={text.list}>
              {codes.map((code) => <li key={code}><code>{code}</code></li>)}
            </ol>
            <p className="print-only">{text.sheetText}</p>
            <div className="row no-print">
              <Action className="secondary" onClick={() => window.print()}>{text.print}</Action>
              <Copy text={sheet()} />
              <Action className="secondary" onClick={() => download(sheet(), `tayberry-${setup.draft.name}-codes.txt`)}>
                {text.download}
              </Action>
            </div>
          </>
        )}
        <Trouble asking={asking} />
        {codes === undefined && !asking.busy && (
          <Action className="secondary" onClick={() => void ask(async () => dispatch({ does: "codes", codes: await device.recoveryCodes() }))}>
            {words.common.retry}
          </Action>
        )}
        <Buttons asking={asking} next={text.next} off={codes === undefined} onBack={onBack} />
      </Form>
    </>
  );
}
